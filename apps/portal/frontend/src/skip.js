// The link to the content does not take the place of the code in the address.
const main = document.getElementById('main');
document.querySelector('.skipnav').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
  main.scrollIntoView();
});
